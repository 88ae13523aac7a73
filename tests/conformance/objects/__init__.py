"""The objects of SMETS and CHTS, read over the wire."""
