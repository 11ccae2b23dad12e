# @summary WSO2 nodes of one machine, as Hiera describes them.
#
# Lays down what a node needs before its data is there: account, Java, pack, configuration, keystores, and what starts
# it. Lifeboat then brings the data and starts it. Nothing here deletes or replaces a CARBON_HOME, stops a server, or
# restarts one.
#
# @param nodes
#   The nodes by name, each with the parameters of `lifeboat_wso2::node`.
# @param manage_user
#   Whether the account and its group are made here.
# @param user
#   The account that owns the homes and runs the servers.
# @param group
#   Its group.
# @param uid
#   The account's number, which must be the same on all machines that share files.
# @param gid
#   The group's number.
# @param manage_jdk
#   Whether Java is installed here; false where it comes in another way.
# @param jdk_package
#   The package of Java.
# @param manage_unzip
#   Whether `unzip` is installed here.
class lifeboat_wso2 (
  Hash[String[1], Hash] $nodes = {},
  Boolean $manage_user = true,
  String[1] $user = 'wso2carbon',
  String[1] $group = 'wso2',
  Optional[Integer[1]] $uid = undef,
  Optional[Integer[1]] $gid = undef,
  Boolean $manage_jdk = true,
  String[1] $jdk_package = 'default-jdk-headless',
  Boolean $manage_unzip = true,
) {
  if $manage_user {
    group { $group:
      ensure => present,
      gid    => $gid,
      system => true,
    }
    user { $user:
      ensure     => present,
      uid        => $uid,
      gid        => $group,
      home       => "/home/${user}",
      managehome => true,
      shell      => '/bin/bash',
      system     => true,
      require    => Group[$group],
    }
  }
  if $manage_jdk {
    package { $jdk_package:
      ensure => installed,
    }
  }
  if $manage_unzip {
    package { 'unzip':
      ensure => installed,
    }
  }
  $account = $manage_user ? { true => [User[$user]], default => [] }
  $java = $manage_jdk ? { true => [Package[$jdk_package]], default => [] }
  $unzip = $manage_unzip ? { true => [Package['unzip']], default => [] }
  $nodes.each |$name, $settings| {
    lifeboat_wso2::node { $name:
      require => $account + $java + $unzip,
      *       => { 'user' => $user, 'group' => $group } + $settings,
    }
  }
}
