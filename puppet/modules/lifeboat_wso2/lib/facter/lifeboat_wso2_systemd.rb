# Whether systemd is what runs this machine, and not only installed on it, as in a container.
Facter.add(:lifeboat_wso2_systemd) do
  setcode { File.directory?('/run/systemd/system') }
end
