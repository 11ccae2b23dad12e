# @summary One WSO2 node: a pack that is unpacked once, its configuration, its keystores, and what starts it.
#
# @param home
#   CARBON_HOME. Where there is anything already, no pack is unpacked: neither over it nor in its place.
# @param pack
#   The path, on the machine itself, of the pack's zip; without it the home is only looked after.
# @param script
#   The start script inside the home, such as bin/api-cp.sh.
# @param user
#   The account that owns the home.
# @param group
#   Its group.
# @param configuration
#   The sections of deployment.toml by name: mappings of keys to values, or lists of such for a `[[section]]`. Without
#   it the file is left alone, as when Lifeboat has restored it.
# @param configuration_template
#   The EPP template of deployment.toml, which gets `configuration`.
# @param configuration_file
#   Where deployment.toml is in the home; conf/deployment.toml for Micro Integrator.
# @param keystores
#   A directory of the machine, such as one that Lifeboat restored from the vault, whose files belong into
#   `security_directory`. Other files there stay.
# @param security_directory
#   Where keystores are in the home.
# @param java_home
#   JAVA_HOME of the server.
# @param environment
#   Further environment of the server. No secrets.
# @param init
#   What starts the server: a systemd unit, a script for machines without systemd, or nothing of ours.
# @param enable
#   Whether the unit starts with the machine. It is neither started nor stopped here: Lifeboat does that.
# @param unit_directory
#   Where units are.
# @param script_directory
#   Where the script goes.
define lifeboat_wso2::node (
  Pattern[/\A(\/[^\s'"%\/]+)+\z/] $home,
  Optional[Pattern[/\A\//]] $pack = undef,
  Pattern[/\A[^\s'"%\/][^\s'"%]*\z/] $script = 'bin/wso2server.sh',
  String[1] $user = 'wso2carbon',
  String[1] $group = 'wso2',
  Optional[Hash[String[1], Variant[Hash, Array[Hash]]]] $configuration = undef,
  String[1] $configuration_template = 'lifeboat_wso2/deployment.toml.epp',
  Pattern[/\A[^\/]/] $configuration_file = 'repository/conf/deployment.toml',
  Optional[Pattern[/\A\//]] $keystores = undef,
  Pattern[/\A[^\/]/] $security_directory = 'repository/resources/security',
  Optional[Pattern[/\A\//]] $java_home = undef,
  Hash[String[1], String] $environment = {},
  Enum['systemd', 'script', 'none'] $init = $facts['lifeboat_wso2_systemd'] ? { true => 'systemd', default => 'script' },
  Boolean $enable = true,
  Pattern[/\A\//] $unit_directory = '/etc/systemd/system',
  Pattern[/\A\//] $script_directory = '/usr/local/sbin',
) {
  $all_environment = $java_home ? { undef => {}, default => { 'JAVA_HOME' => $java_home } } + $environment

  $unpacked = $pack ? { undef => [], default => [Exec["unpack ${title}"]] }
  if $pack {
    exec { "unpack ${title}":
      command => ['/bin/sh', '-euc', file('lifeboat_wso2/unpack.sh'), 'unpack', $pack, $home, "${user}:${group}"],
      creates => $home,
      path    => ['/usr/local/bin', '/usr/bin', '/bin'],
      timeout => 1800,
    }
  }

  if $configuration {
    file { "${home}/${configuration_file}":
      ensure    => file,
      owner     => $user,
      group     => $group,
      mode      => '0640',
      content   => Sensitive(epp($configuration_template, { 'configuration' => $configuration })),
      # It holds passwords: none of it in a log, or in a copy elsewhere on the machine.
      show_diff => false,
      backup    => false,
      require   => $unpacked,
    }
  }

  if $keystores {
    file { "${home}/${security_directory}":
      ensure    => directory,
      source    => $keystores,
      recurse   => remote,
      owner     => $user,
      group     => $group,
      mode      => '0640',
      links     => follow,
      show_diff => false,
      backup    => false,
      require   => $unpacked,
    }
  }

  case $init {
    'systemd': {
      file { "${unit_directory}/${title}.service":
        ensure  => file,
        owner   => 0,
        group   => 0,
        mode    => '0644',
        content => epp('lifeboat_wso2/wso2.service.epp', {
            'title'       => $title,
            'home'        => $home,
            'script'      => $script,
            'user'        => $user,
            'group'       => $group,
            'environment' => $all_environment,
        }),
      }
      ~> exec { "systemd reads ${title}.service":
        command     => 'systemctl daemon-reload',
        path        => split($facts['path'], ':'),
        refreshonly => true,
      }
      if $enable {
        # No `service`: it would hold a server for something to restart, and needs a systemd that runs.
        exec { "systemd starts ${title}.service with the machine":
          command => "systemctl --quiet enable ${title}.service",
          unless  => "systemctl is-enabled --quiet ${title}.service",
          path    => split($facts['path'], ':'),
          require => Exec["systemd reads ${title}.service"],
        }
      }
    }
    'script': {
      file { "${script_directory}/${title}":
        ensure  => file,
        mode    => '0755',
        content => epp('lifeboat_wso2/wso2.sh.epp', {
            'title'       => $title,
            'home'        => $home,
            'script'      => $script,
            'user'        => $user,
            'environment' => $all_environment,
        }),
      }
    }
    default: {}
  }
}
