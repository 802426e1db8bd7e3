"""How far down minimizers come for their evaluations, under noise as well."""
