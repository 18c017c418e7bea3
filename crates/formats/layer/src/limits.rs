//! What a layer may have at most. Whoever passes one of these is refused: the image is rebuilt, not rebased.

/// Entries of one archive.
pub const ENTRIES_MAX: usize = 500_000;
/// Bytes of one path or link.
pub const PATH_BYTES_MAX: usize = 4096;
/// Segments of one path.
pub const PATH_DEPTH_MAX: usize = 256;
/// Bytes of all paths, links and extended attributes together.
pub const PATHS_BYTES_MAX: usize = 48 * 1024 * 1024;
/// Bytes of what all programs and scripts say together: names of symbols and libraries, hashes. What comes after has
/// [`crate::Facts::Unread`].
pub const FACTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of one extension header (PAX records, GNU long names).
pub const EXTENSION_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of all extended attributes of one entry.
pub const XATTRS_BYTES_MAX: usize = 64 * 1024;
/// Uncompressed bytes of one layer.
pub const LAYER_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Uncompressed bytes that are read whatever the ratio; above, [`RATIO_MAX`] counts.
pub const RATIO_FREE_BYTES: u64 = 256 * 1024 * 1024;
/// Uncompressed bytes per compressed byte.
pub const RATIO_MAX: u64 = 200;
/// Bytes of an ELF file that are held while it is read; larger ones have [`crate::Facts::Unread`].
pub const ELF_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Bytes of a Java archive that are held while it is looked into; larger ones are [`crate::Facts::Packed`].
pub const JAR_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Members of a Java archive and of those in it.
pub const JAR_MEMBERS_MAX: usize = 200_000;
/// Archives in archives.
pub const JAR_DEPTH_MAX: usize = 2;
/// Bytes of one archive in an archive.
pub const JAR_NESTED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of all archives in an archive.
pub const JAR_INFLATED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bytes of one kept file; larger ones have [`crate::Facts::Unread`].
pub const KEPT_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of an rpm database that are held while it is summarised; larger ones have [`crate::Facts::Unread`].
pub const RPM_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of all kept files together.
pub const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Distinct words of a layer; with more, [`crate::Words::Unknown`].
pub const WORDS_MAX: usize = 400_000;
/// Bytes of contents of a layer that are searched for words; with more, [`crate::Words::Unknown`].
pub const WORDS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Oddities that are told one by one.
pub const ODDITIES_MAX: usize = 100;
