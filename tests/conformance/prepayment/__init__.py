"""Supply, prepayment and load limiting: what meters do by themselves and on command."""
