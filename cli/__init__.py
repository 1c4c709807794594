"""The command `slipstream`: run the stack on one machine, and talk to it."""
