"""Readers of data sets against each other: decision 0027's figures."""
