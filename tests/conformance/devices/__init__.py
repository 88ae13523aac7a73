"""Devices beside the usual ones: controllers, switches, displays, and meters of other variants."""
