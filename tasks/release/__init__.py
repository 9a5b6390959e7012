"""From trained networks to a voice: samples, metrics, exported files, report."""
