//! The order in which kinds are installed: the one of Helm 4.2 (helm, pkg/release/v1/util/kind_sorter.go, `InstallOrder`).
//!
//! A rendered manifest and a deployment both ask here. Admission policies are not in Helm's list: they come with the unknown kinds.

use std::cmp::Ordering;

/// Kinds in the order of installation; a kind that is not here comes last, by its name.
const INSTALL_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Which of two kinds is installed first; equal kinds keep their order.
#[must_use]
pub fn compare_kinds(one: &str, other: &str) -> Ordering {
    let place = |kind: &str| INSTALL_ORDER.iter().position(|known| *known == kind);
    match (place(one), place(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{Ordering, compare_kinds};

    #[test]
    fn known_kinds_come_in_helms_order_and_the_others_last_by_name() {
        let mut kinds = [
            "ValidatingAdmissionPolicy",
            "ValidatingWebhookConfiguration",
            "Zebra",
            "Deployment",
            "MutatingAdmissionPolicy",
            "Namespace",
            "Ant",
        ];
        kinds.sort_by(|one, other| compare_kinds(one, other));
        assert_eq!(
            kinds,
            [
                "Namespace",
                "Deployment",
                "ValidatingWebhookConfiguration",
                "Ant",
                "MutatingAdmissionPolicy",
                "ValidatingAdmissionPolicy",
                "Zebra",
            ]
        );
        assert_eq!(compare_kinds("Job", "Job"), Ordering::Equal);
    }
}
