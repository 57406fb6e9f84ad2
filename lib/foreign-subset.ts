/** The key of a construct's metadata under which a DestinationRule names a subset whose pods somebody else runs. */
export const FOREIGN_SUBSET = 'cdk8s-istio:foreign-subset';
