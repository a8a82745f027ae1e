"""Configs made past the annotations of their fields, which tests check at run time."""

import dataclasses


def make(config, *values, **fields):
    """A config whose fields are checked by itself only, not by the annotations under test."""
    made = object.__new__(config)
    known = dataclasses.fields(config)
    fields |= {field.name: value for field, value in zip(known, values, strict=False)}
    for field in known:
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        object.__setattr__(made, field.name, fields.get(field.name, default))
    made.__post_init__()
    return made
