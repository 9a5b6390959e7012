"""Networks, losses and signal processing: tensors in, tensors out; no storage, no orchestration."""
