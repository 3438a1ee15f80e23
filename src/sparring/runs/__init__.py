"""A run from the request to its directory."""
