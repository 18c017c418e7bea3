//! refloat-documents
