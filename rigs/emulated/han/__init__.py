"""The emulated premises on the air: stacks, applications, and what they keep over a power cut."""
