//! The template language of charts: lexer, parser, values, executor, functions, and YAML as charts expect it.
