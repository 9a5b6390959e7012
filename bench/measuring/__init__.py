"""What the benchmarks share: clocks, memory, the machine's own limits."""
