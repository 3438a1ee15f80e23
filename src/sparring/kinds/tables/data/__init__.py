"""Tables: from a person's rows to numbers, to what networks see, and back to rows that read like the person's own."""

from __future__ import annotations
