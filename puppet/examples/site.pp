# What `servers.<name>.puppet.manifest` names: everything else is in Hiera.
include lifeboat_wso2
