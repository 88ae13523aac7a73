"""Device log, clock, pairing, credentials, and who may do what: an installation from empty to commissioned."""
