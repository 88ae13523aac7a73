"""What the world does to emulated devices so that events happen; what events then do stands elsewhere."""
