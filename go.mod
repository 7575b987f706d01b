module mqtk

go 1.26
