"""The versions of a voice: which there are, which is live, what decides that, and their folders."""
