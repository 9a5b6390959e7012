"""How English is read aloud: one module per kind of writing, put in order by `normalize_en`."""
