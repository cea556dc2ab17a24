module repeat

go 1.24

require tollgate v0.0.0

replace tollgate => ../../../guest-sdk/go
