"""GBCS: grouping header, protection, and the payloads of the use cases."""
