"""What the bytes mean: codecs and sans-I/O state machines. No sockets, files, clocks or logging in here."""
