"""`ratchet adopt`: a model that is in production elsewhere becomes the one to beat."""
