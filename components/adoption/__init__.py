"""A detector that Ratchet did not train: read, measured as it is, and wrapped so that it can be served and compared."""
