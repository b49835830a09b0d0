"""Values: how they are written, what types they have, and from one type to another, exactly."""
