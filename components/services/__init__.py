"""Calls of services over HTTP: what is asked is a value that can be printed, compared and sent."""
