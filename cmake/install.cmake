# SPDX-License-Identifier: MIT
# What an installed Assay has: the four programs, the units with the users and folders they need,
# the guides and the licence. `cmake --install build/release --prefix /usr`.
include(GNUInstallDirs)
install(TARGETS assay assay-broker assay-gateway assay-worker)
file(GLOB units ${PROJECT_SOURCE_DIR}/configs/systemd/*.service ${PROJECT_SOURCE_DIR}/configs/systemd/*.timer)
install(FILES ${units} DESTINATION lib/systemd/system)
install(FILES configs/systemd/assay.sysusers.conf DESTINATION lib/sysusers.d RENAME assay.conf)
install(FILES configs/systemd/assay.tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME assay.conf)
file(GLOB examples ${PROJECT_SOURCE_DIR}/configs/systemd/*.yaml)
install(FILES ${examples} DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
file(GLOB guides ${PROJECT_SOURCE_DIR}/docs/*.md)
install(FILES ${guides} LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
