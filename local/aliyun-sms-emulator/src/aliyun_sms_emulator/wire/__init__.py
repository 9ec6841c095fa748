"""What goes over the wire: parsing, signatures, authentication and the forms of an answer."""
