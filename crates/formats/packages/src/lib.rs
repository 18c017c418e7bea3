//! Package databases and programs as bytes: dpkg, version order, ELF headers.
