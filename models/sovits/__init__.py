"""SoVITS: semantic codes, phones and a reference to a waveform."""
