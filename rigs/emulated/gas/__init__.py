"""What a gas meter counts and keeps beyond its attributes, and how the Gas Proxy Function mirrors it."""
