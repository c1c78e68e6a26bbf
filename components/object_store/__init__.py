"""Objects of Cloud Storage by their gs:// URIs, through Google's own client; TensorFlow is not needed for it.

uri       what is a URI, and which ones can be used
client    one client for each thread and process; what an error of the service means
objects   read, write, list, copy, delete, each with the generation that it depends on
files     the same as file functions, for whoever takes either kind of place
"""
