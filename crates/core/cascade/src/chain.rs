//! ChainIDs (image-spec config.md, "Layer ChainID"): the name of the lowest layers of an image, whatever they are packed in.

use refloat_oci::{Algorithm, Digest, Hasher};

/// The ChainID of every prefix, lowest first: entry `n` names the layers `0..=n`.
pub fn chains(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chains: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let chain = match chains.last() {
            None => *diff_id,
            Some(below) => {
                let mut hash = Hasher::new(Algorithm::Sha256);
                hash.update(format!("{below} {diff_id}").as_bytes());
                hash.finish()
            }
        };
        chains.push(chain);
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_the_hash_of_what_is_below_and_the_next() {
        let layer = |byte: u8| Digest::sha256(&[byte]);
        let (a, b, c) = (layer(1), layer(2), layer(3));
        let ab = Digest::sha256(format!("{a} {b}").as_bytes());
        let abc = Digest::sha256(format!("{ab} {c}").as_bytes());
        assert_eq!(chains(&[a, b, c]), [a, ab, abc]);
        assert_eq!(chains(&[a, b]), chains(&[a, b, c])[..2]);
        assert!(chains(&[]).is_empty());
    }
}
