"""A run on a page of this machine, to be tried by hand.

`drawing` and `acting` are what the page does, and know nothing of pages; `noisepage`, `rowpage` and `imagepage` lay it
out, and are the only importers of Gradio beside `shell`; `serving` puts the page on a port until Ctrl-C.
"""
