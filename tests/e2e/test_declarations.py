"""Declarations, from an operator's file to what the device says of them."""
from harness import case, check
from serving import Service

CONFIGURATION = {'Type': 'com.apple.configuration.management.test', 'Identifier': 'org.test', 'Payload': {'Echo': 'hello'}}
ACTIVATION = {'Type': 'com.apple.activation.simple', 'Identifier': 'org.test.on',
              'Payload': {'StandardConfigurations': ['org.test']}}


def declared(service, udid):
    """identifier -> (is it active, valid) as the device said last"""
    rows = service.api('GET', f'/devices/{udid}')['enrollments'][0]['declarations']
    return {row['identifier']: (row['active'], row['valid']) for row in rows}


@case('a declaration is stored, assigned, taken into force and told of; taken away, the device lets it go')
def whole_way(world):
    with Service(world, with_push=True) as service:
        folder = world.small()
        world.sim('setup', folder)
        udid = service.enroll(folder)
        world.sim('mdm', folder, 'poll')
        # what the service brings along: subscriptions to what a record needs
        own = declared(service, udid)
        check(own.get('rehome.status-subscriptions') == (True, 'valid'), own)
        told = service.api('GET', f'/devices/{udid}/inventory')['StatusReport']['value']
        check(told['device.identifier.udid'] == udid, told)

        for declaration in (CONFIGURATION, ACTIVATION):
            service.api('POST', '/declarations', declaration)
            service.api('POST', f'/declarations/{declaration["Identifier"]}/assign', {'ids': [udid]})
        service.api('POST', '/actions/reconcile', {'ids': [udid]})
        world.sim('mdm', folder, 'poll')
        check(declared(service, udid).get('org.test') == (True, 'valid'), declared(service, udid))
        again = service.api('GET', f'/devices/{udid}/inventory')['StatusReport']['value']
        check(again.items() >= told.items(), f'{told} {again}')

        # without its activation a configuration is not in force
        service.api('POST', '/declarations/org.test.on/unassign', {'ids': [udid]})
        service.api('POST', '/actions/reconcile', {'ids': [udid]})
        world.sim('mdm', folder, 'poll')
        check(declared(service, udid).get('org.test', (True,))[0] is False, declared(service, udid))
        service.api('DELETE', '/declarations/org.test')
        service.api('POST', '/actions/reconcile', {'ids': [udid]})
        world.sim('mdm', folder, 'poll')
        check('org.test' not in declared(service, udid), declared(service, udid))
        left = [row['identifier'] for row in service.api('GET', '/declarations')['declarations']]
        check(left == ['org.test.on'], left)
