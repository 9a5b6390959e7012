"""StyleTTS 2 (Li et al. 2023): speech from text by style diffusion and adversarial training."""
