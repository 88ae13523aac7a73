"""What stands on the bench: rig files, device files, and the emulated premises."""
