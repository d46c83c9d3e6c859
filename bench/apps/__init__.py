"""The processes that Polylogue is measured beside. Each is the whole of its kind, as small as it can honestly be."""
