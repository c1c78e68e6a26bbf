"""Training configurations of detection toolkits, read into the field's terms and compared; pure."""
