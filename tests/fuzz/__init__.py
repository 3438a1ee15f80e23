"""Bad inputs by the thousand: each ends in an answer, none in a traceback, a wait without end, or files elsewhere."""
