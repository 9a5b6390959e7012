"""What only a CPU gains by: its layout of memory, and convolutions with fewer products."""
