"""Data sets laid out as annotation tools export them, with the boxes that were painted into their pictures.

`registry.EXPORTS` has all of them. Which layouts and quirks a tool has was read in its documentation or its source;
each module names where.
"""
