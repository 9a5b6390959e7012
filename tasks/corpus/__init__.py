"""From a folder of recordings to screened utterances with text."""
