//! What needs no server: the meaning of errors, and that no address is repeated.
