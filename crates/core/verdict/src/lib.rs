//! Whether a base can be swapped under an image: gates, hazards, tiers, evidence.
