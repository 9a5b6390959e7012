"""The commands, grouped by what a person does with them."""
