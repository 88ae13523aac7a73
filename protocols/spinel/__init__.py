"""Spinel, the protocol between a host and an OpenThread radio co-processor (RCP) on a serial line."""
