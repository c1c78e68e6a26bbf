"""`ratchet doctor`: what is wrong with a pipeline root, and what of it can be mended without loss."""
