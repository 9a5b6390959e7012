"""The stages of the pipeline and the one mechanism that caches, resumes and records them."""
