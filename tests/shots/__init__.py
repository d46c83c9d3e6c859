"""Pictures of the page's states, for eyes: `make shots`. Nothing here is a test."""
